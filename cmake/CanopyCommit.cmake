# Writes the commit that is built into a header, whenever it changes: cmake -D SOURCE=... -D HEADER=... -P this file.
cmake_policy(VERSION 3.25)
execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --match=
                OUTPUT_VARIABLE commit OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
if(NOT commit)
  set(commit "unknown")
endif()
file(CONFIGURE OUTPUT ${HEADER} CONTENT "#define CANOPY_COMMIT \"@commit@\"\n" @ONLY)
