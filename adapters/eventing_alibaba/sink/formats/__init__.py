"""How one event, or several, are written into a request: a file for each form.

attributes.py   what all forms share: overrides, names, content types
binary.py       attributes as `ce-` headers, data as the body
structured.py   one JSON object
batch.py        one JSON array of several events
raw.py          the data alone

`sink/encode.py` chooses one. What an event's type, source and data *are* is the source's decision
(`event.format: eventbridge` is made in each source's own folder); here they are only written.
"""
