// What including everything costs a file: tests/consumers/run.sh times its compilation.
#include <canopy/canopy.hpp>

int main() { return 0; }
