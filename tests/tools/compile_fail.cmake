# One compile-fail test: cmake -DCOMPILER=… -DFLAGS=… -DSOURCE=… -P compile_fail.cmake
# With ANTIPHON_MUST_FAIL the source must not compile, and its diagnostics must match the `// expect: <regex>` of its first
# line; without, its twin must compile, so that it is the mistake that fails and nothing else. After `// expect only: <regex>`
# the diagnostics must be one error, too.
function(object verdict)
  message(NOTICE "${SOURCE}:1: ${verdict}")  # as it is: an error message would be re-wrapped
  message(FATAL_ERROR "compile-fail test")
endfunction()

file(STRINGS "${SOURCE}" first LIMIT_COUNT 1)
if(NOT first MATCHES "^// expect( only)?: (.+)$")
  object("the first line must be `// expect: <regex>` or `// expect only: <regex>`")
endif()
set(only "${CMAKE_MATCH_1}")
set(expected "${CMAKE_MATCH_2}")
set(ENV{LC_ALL} C)

execute_process(COMMAND ${COMPILER} ${FLAGS} -fsyntax-only "${SOURCE}" RESULT_VARIABLE twin ERROR_VARIABLE diagnostics)
if(NOT twin EQUAL 0)
  object("the twin must compile, but:\n${diagnostics}")
endif()

execute_process(COMMAND ${COMPILER} ${FLAGS} -fsyntax-only -DANTIPHON_MUST_FAIL "${SOURCE}" RESULT_VARIABLE failed ERROR_VARIABLE diagnostics)
if(failed EQUAL 0)
  object("compiles with ANTIPHON_MUST_FAIL, but must not")
endif()
if(NOT diagnostics MATCHES "${expected}")
  object("the diagnostics do not match `${expected}`:\n${diagnostics}")
endif()
if(only)
  string(REGEX MATCHALL " error: " errors "${diagnostics}")
  list(LENGTH errors count)
  if(NOT count EQUAL 1)
    object("there are ${count} errors instead of one:\n${diagnostics}")
  endif()
endif()
