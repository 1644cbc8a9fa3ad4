A class that is not IN passes
servers a

c1 asks version.bind. TXT of class 3
a hears version.bind. TXT
a replies
c1 gets NOERROR from a
