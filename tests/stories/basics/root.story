The root can be asked for
servers a

c1 asks . NS
a hears . NS
a replies
c1 gets NOERROR for . NS
