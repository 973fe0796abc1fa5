"""What comes with the core, as plugins registered like anyone's: executors, memory store, console, discovery."""
