With case_randomize a reply in another case is a forgery
servers a
case_randomize = true;

c1 asks www.a-long-name-with-many-letters.example. A
a hears www.a-long-name-with-many-letters.example. A
a replies in other case
nobody gets anything
counter replies_wrong_question is 1
a replies
c1 gets NOERROR for www.a-long-name-with-many-letters.example. A
