A query past its deadline is not sent to anybody
servers a

c1 asks www.example. A having waited 3 s
nobody hears anything
nobody gets anything
counter shed_delay is 1
