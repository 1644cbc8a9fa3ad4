A FORMERR may leave its question out; the client gets its own
servers a

c1 asks wWw.example. A
a hears www.example. A
a replies FORMERR without question
c1 gets FORMERR for wWw.example. A
