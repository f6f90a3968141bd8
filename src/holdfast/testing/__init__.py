"""What a test, a simulation or a demo needs: generators of tables whose changes are known."""
