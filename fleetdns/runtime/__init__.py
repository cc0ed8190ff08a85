"""Watch, cache, queue and controller loop for any operator: generic over key and object, on the event loop's clock."""
