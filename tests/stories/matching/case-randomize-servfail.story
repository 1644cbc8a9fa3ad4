With case_randomize an answer of ours has the client's spelling as well
servers a
attempts = 1;
case_randomize = true;

c1 asks wWw.exAmple. A
a hears www.example. A
at 3000 c1 gets SERVFAIL from us, for wWw.exAmple. A
