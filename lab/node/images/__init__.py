"""Container images: their references, where they are found, and the program that each stands for."""
