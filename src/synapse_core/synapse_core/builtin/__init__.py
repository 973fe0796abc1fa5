"""What comes with the core, as plugins registered like anyone's: executors, the memory store, the console, discovery."""
