With a time on its line a thing must happen at that moment
# diverges at line 8: at 750 ms b hears www.example. A
servers a b

c1 asks www.example. A
a hears www.example. A

at 751 b hears www.example. A
