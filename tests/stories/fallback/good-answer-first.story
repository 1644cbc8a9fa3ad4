A good answer that comes before the last attempt's time is over goes before the fallback
servers a b
attempts = 2;

c1 asks www.example. A
a hears www.example. A
a replies REFUSED
b hears www.example. A
after 749
b replies
c1 gets NOERROR from b
counter fallbacks is 0
