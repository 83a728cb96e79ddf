# Prints the commands of README.md, for .ci/run: every block fenced as ```sh, without comments and empty lines, each
# ended by a zero byte. A block that takes too long for CI, or is only for a fresh machine, is fenced as ```sh no-ci.
/^```sh[ \t]*$/ { inside = 1; next }
/^```/ { if (inside) printf "%c", 0; inside = 0 }
inside && !/^[ \t]*(#|$)/ { print }
