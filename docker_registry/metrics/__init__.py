"""What a registry counts: plain numbers in each worker, and a table in shared memory in which all of them meet.

Not prometheus-client's multiprocess mode, which writes each count through to a file (ten times what a count costs
here), leaves such files behind for every worker that there ever was, and cannot ask for a gauge when it is read.
Its text format is used, see `serving.debug.exposition`.
"""
