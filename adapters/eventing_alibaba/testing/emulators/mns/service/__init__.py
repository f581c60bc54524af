"""The service's HTTP face: signatures, XML, operations, and how waiting receives are woken."""
