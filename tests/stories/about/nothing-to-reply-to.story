A server cannot reply to what it was not told to hear
# diverges at line 6: waits for its reply
servers a

c1 asks www.example. A
a replies
