// The front door: arguments in, exit code out, nothing else.

int main() { return 0; }
