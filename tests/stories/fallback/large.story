A fallback over 512 bytes shrinks to its header, question and OPT, truncated
servers a b
attempts = 2;

c1 asks www.example. A with EDNS 1232
a hears www.example. A
a replies SERVFAIL with 50 answers
b hears www.example. A
at 750 c1 gets SERVFAIL truncated, with OPT, with 0 answers
counter fallbacks is 1
counter truncated is 1
