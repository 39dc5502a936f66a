"""Methods that learn a code by reconstructing their input from it."""
