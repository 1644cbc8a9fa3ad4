The same ID and question from another client is another query
servers a

c1 asks www.example. A with ID 77
a hears www.example. A
c2 asks www.example. A with ID 77
a hears www.example. A
counter merged is 0
a replies
a replies
c1 gets NOERROR
c2 gets NOERROR
