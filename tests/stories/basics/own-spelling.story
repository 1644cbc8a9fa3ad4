A client gets its own spelling of the question back, however the server writes it
servers a

c1 asks wWw.eXample. A
a hears wWw.eXample. A
a replies in other case
c1 gets NOERROR for wWw.eXample. A from a
