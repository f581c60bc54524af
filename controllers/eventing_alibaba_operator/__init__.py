"""Turns source objects into adapter Deployments, and says truthfully how they are.

    handlers   Kopf watches our kinds; each event leaves the object in the inventory, its key in ...
    queue      ... a queue that works on one key at a time, and later again on what failed
    reconcile  the steps for one source: validate, resolve, credentials, children, observe, status
    children   pure: what a source wants to exist
    status     pure: what is known of a source, as conditions
    watch      what exists, by list and watch, so that nothing is asked for twice
    kube       the requests to the API server

No source ever carries a finalizer or an annotation of ours: children have owner references, so a
deletion never waits for this process.
"""
