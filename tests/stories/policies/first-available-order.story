With policy first-available the first in the file that is up gets all
servers a b c

mark a down
c1 asks one.example. A
b hears one.example. A
b replies
c1 gets NOERROR from b
mark a up
c1 asks two.example. A
a hears two.example. A
a replies
c1 gets NOERROR from a
