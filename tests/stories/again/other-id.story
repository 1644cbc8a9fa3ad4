The same question under another ID is another query
servers a

c1 asks www.example. A
a hears www.example. A
c1 asks www.example. A
a hears www.example. A
counter merged is 0
a replies
a replies
c1 gets NOERROR
c1 gets NOERROR
