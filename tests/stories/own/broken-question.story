A question that cannot be read gets FORMERR without it
servers a

c1 asks www.example. A cut to 20
c1 gets FORMERR from us, without question, of 12 bytes
nobody hears anything
