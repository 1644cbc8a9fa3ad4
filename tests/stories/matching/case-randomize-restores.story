With case_randomize the client gets its own spelling back
servers a
case_randomize = true;

c1 asks wWw.exAmple. A
a hears www.example. A
a replies
c1 gets NOERROR for wWw.exAmple. A
