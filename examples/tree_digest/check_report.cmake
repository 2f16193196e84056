# Makes a tree with everything that a disk may hold, runs tree_digest on it, and reads the report.
cmake_minimum_required(VERSION 3.25)

# expect(CODE REGEX... ARGUMENTS args...): the program ends with CODE, and its output has each line.
function(expect code)
  cmake_parse_arguments(PARSE_ARGV 1 run "" "" "ARGUMENTS")
  execute_process(COMMAND "${PROGRAM}" ${run_ARGUMENTS} OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result TIMEOUT 60)
  if(NOT result STREQUAL code)
    message(SEND_ERROR "tree_digest ${run_ARGUMENTS}: exit code ${result}, expected ${code}\n${out}${err}")
  endif()
  foreach(line IN LISTS run_UNPARSED_ARGUMENTS)
    if(NOT "${out}${err}" MATCHES "(^|\n)${line}\n")
      message(SEND_ERROR "tree_digest ${run_ARGUMENTS}: no line `${line}` in\n${out}${err}")
    endif()
  endforeach()
endfunction()

file(REMOVE_RECURSE "${WHERE}")
file(WRITE "${WHERE}/mixed/abc" "abc")
file(WRITE "${WHERE}/mixed/deep/er/with a space" "")
file(WRITE "${WHERE}/mixed/grüße.txt" "abc")
file(WRITE "${WHERE}/fine/one" "1")
file(WRITE "${WHERE}/fine/two" "2")
file(MAKE_DIRECTORY "${WHERE}/empty" "${WHERE}/mixed/hollow")
set(unreadable 2)
file(CREATE_LINK gone "${WHERE}/mixed/missing" SYMBOLIC)
file(CREATE_LINK itself "${WHERE}/mixed/itself" SYMBOLIC)
file(CREATE_LINK .. "${WHERE}/mixed/deep/up" SYMBOLIC)
file(CREATE_LINK abc "${WHERE}/mixed/link to abc" SYMBOLIC)
set(lines "")
find_program(mkfifo mkfifo)
if(mkfifo)
  execute_process(COMMAND "${mkfifo}" "${WHERE}/mixed/pipe" COMMAND_ERROR_IS_FATAL ANY)
  list(APPEND lines "unreadable: pipe: a FIFO, not a regular file")
  math(EXPR unreadable "${unreadable} + 1")
endif()
execute_process(COMMAND id -u OUTPUT_VARIABLE user OUTPUT_STRIP_TRAILING_WHITESPACE)
if(NOT user STREQUAL "0") # root reads everything
  file(WRITE "${WHERE}/mixed/secret" "")
  file(CHMOD "${WHERE}/mixed/secret" PERMISSIONS OWNER_WRITE)
  list(APPEND lines "unreadable: secret: Permission denied")
  math(EXPR unreadable "${unreadable} + 1")
endif()

set(abc ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad)
set(nothing e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855)
foreach(threads "" "--threads;1" "--threads;3")
  expect(3 ${lines}
    "unreadable: missing: No such file or directory"
    "unreadable: itself: [^\n]+"
    "not followed: deep/up: a link to a directory"
    "${abc}  abc" "${abc}  grüße.txt" "${abc}  link to abc" "${nothing}  deep/er/with a space"
    "call\\(\\) [^\n]+" "submit\\(callback\\) [^\n]+" "call_for\\([^\n]+ of [0-9]+" "co_await[^\n]+"
    "[0-9]+ files, 9 bytes, ${unreadable} unreadable"
    "all four ways agree: [0-9a-f]+"
    ARGUMENTS --list ${threads} "${WHERE}/mixed")
endforeach()
expect(0 "2 files, 2 bytes, 0 unreadable" ARGUMENTS "${WHERE}/fine")
expect(0 "0 files, 0 bytes, 0 unreadable" ARGUMENTS "${WHERE}/empty")
expect(0 "tree_digest \\[OPTIONS\\] \\[DIR\\]" ARGUMENTS --help)
expect(2 "tree_digest: [^\n]*/fine/one: not a directory" ARGUMENTS "${WHERE}/fine/one")
expect(2 "tree_digest: [^\n]*/nowhere: [^\n]+" ARGUMENTS "${WHERE}/nowhere")
expect(2 "tree_digest: --threads takes a number from 1 to 256" ARGUMENTS --threads)
foreach(number 0 -1 257 many 4x 99999999999999999999)
  expect(2 "tree_digest: --threads takes a number from 1 to 256" ARGUMENTS --threads ${number})
endforeach()
expect(2 "tree_digest: there is no option --fast, see --help" ARGUMENTS --fast)
expect(2 "tree_digest: one directory at a time, please" ARGUMENTS "${WHERE}/fine" "${WHERE}/empty")
