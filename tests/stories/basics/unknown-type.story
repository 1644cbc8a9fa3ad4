A type that nobody knows passes
servers a

c1 asks www.example. TYPE65280
a hears www.example. TYPE65280
a replies
c1 gets NOERROR for www.example. TYPE65280
