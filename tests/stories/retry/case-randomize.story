With case_randomize the retry is matched exactly, and the client gets its own spelling
servers a b
case_randomize = true;

c1 asks www.many-letters-for-the-dice.example. A
a hears www.many-letters-for-the-dice.example. A
at 750 b hears www.many-letters-for-the-dice.example. A
b replies in other case
nobody gets anything
b replies
c1 gets NOERROR from b, for www.many-letters-for-the-dice.example. A
