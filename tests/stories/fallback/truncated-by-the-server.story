A fallback that its server truncated itself is not our doing
servers a b
attempts = 2;

c1 asks www.example. A with EDNS 1232
a hears www.example. A
a replies SERVFAIL truncated
b hears www.example. A
at 750 c1 gets SERVFAIL truncated
counter fallbacks is 1
counter truncated is 0
