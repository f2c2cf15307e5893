"""Many pictures: found in folders, enhanced here, in several processes or on a cluster, and recorded.

`run.run` is all of it; `clode enhance` calls nothing else. A picture's work is `work.Work`, which can be sent
to another process; `local` and `cluster` give pictures to it and know nothing of what it does.
"""
