With every server forced down and on_failure = "drop" there is silence
server a state = "down";
on_failure = "drop";

c1 asks www.example. A
nobody gets anything
counter dropped_failure is 1
