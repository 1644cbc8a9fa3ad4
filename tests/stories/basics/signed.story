A signed query and its reply pass untouched
servers a
case_randomize = true;

c1 asks wWw.Example. A with TSIG
a hears wWw.Example. A with TSIG
a replies with TSIG, with other RD, in other case
c1 gets NOERROR with TSIG, without RD, for WwW.eXAMPLE. A
