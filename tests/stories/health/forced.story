Servers that are forced up or down are not probed
server a state = "up";
server b state = "down";
server c

a is silent
after 5 s
server a is up
server b is down
a hears no probe
b hears no probe
