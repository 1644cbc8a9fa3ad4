A response sent to us gets silence
servers a

c1 asks www.example. A as a response
nobody gets anything
nobody hears anything
counter dropped_response is 1
