# Makes pages with everything that a link may be, runs link_check on them, and reads the report.
cmake_minimum_required(VERSION 3.25)

# expect(CODE REGEX... [NEVER regex...] ARGUMENTS args...): the program ends with CODE, and its output has each line, and none of NEVER.
function(expect code)
  cmake_parse_arguments(PARSE_ARGV 1 run "" "" "NEVER;ARGUMENTS")
  execute_process(COMMAND "${PROGRAM}" ${run_ARGUMENTS} WORKING_DIRECTORY "${WHERE}"
    OUTPUT_VARIABLE out ERROR_VARIABLE err RESULT_VARIABLE result TIMEOUT 60)
  if(NOT result STREQUAL code)
    message(SEND_ERROR "link_check ${run_ARGUMENTS}: exit code ${result}, expected ${code}\n${out}${err}")
  endif()
  foreach(line IN LISTS run_UNPARSED_ARGUMENTS)
    if(NOT "${out}${err}" MATCHES "(^|\n)${line}\n")
      message(SEND_ERROR "link_check ${run_ARGUMENTS}: no line `${line}` in\n${out}${err}")
    endif()
  endforeach()
  foreach(line IN LISTS run_NEVER)
    if("${out}${err}" MATCHES "${line}")
      message(SEND_ERROR "link_check ${run_ARGUMENTS}: `${line}` in\n${out}${err}")
    endif()
  endforeach()
endfunction()

file(REMOVE_RECURSE "${WHERE}")
file(WRITE "${WHERE}/good.md" [=[
# Of whales, & others

See [below](#a-second-heading-with-code), [twice](#twice-1), [the other page](deep/other.html#here), [a folder](deep/),
![a picture](a%20picture.svg "with a title"), [a file](<plain.txt>), [lines](plain.txt#L3), [itself](good.md#of-whales--others),
[mail](mailto:nobody@example.invalid) and [by name][1]. No link: `[code](nowhere)`, [](nothing]. Brackets: [x](with_(brackets).txt)
```
[code](nowhere)
```
## A second heading with `code`
### Twice
### Twice
[1]: deep/other.html?a=1&amp;b=2
<!-- [gone](nowhere)
[gone](nowhere) -->
]=])
file(WRITE "${WHERE}/deep/other.html" [=[
<!doctype html><title>other</title>
<p id="here"><a href="../good.md">back</a> <a href='../good.md#twice'>there</a> data-href="nowhere"
<!-- <a href="nowhere">gone</a> --> <script>var href="nowhere"</script>
]=])
file(WRITE "${WHERE}/plain.txt" "text\n")
file(WRITE "${WHERE}/with_(brackets).txt" "text\n")
file(WRITE "${WHERE}/a picture.svg" "<svg xmlns=\"http://www.w3.org/2000/svg\"/>\n")
file(WRITE "${WHERE}/bad.md" [=[
[gone](gone.md) and [again](gone.md)
[no place](good.md#thrice)
[no URL](http://[::1/)
[control](http://127.0.0.1:1/refused)
]=])
file(WRITE "${WHERE}/away.md" "[away](https://antiphon.invalid/) [here](good.md)\n")

expect(0 "11 links on 1 pages in [0-9.]+ s: 10 good, 0 broken, 1 skipped" NEVER "nowhere" ARGUMENTS good.md)
expect(0 "good.md:5: skipped: mailto:nobody@example.invalid: not HTTP" "good.md:5: good: with_\\(brackets\\).txt" "timeline: t.svg"
  ARGUMENTS --list --weather --svg t.svg good.md)
expect(0 "2 links on 1 pages in [0-9.]+ s: 2 good, 0 broken, 0 skipped" NEVER "nowhere" ARGUMENTS deep/other.html)
expect(1
  "bad.md:1: broken: gone.md: 404 Not Found"
  "bad.md:2: broken: good.md#thrice: the page is there, but no place #thrice"
  "bad.md:3: broken: http://.::1/: not an IPv6 address, at 7"
  "bad.md:4: broken: http://127.0.0.1:1/refused: the connection was refused[^\n]*"
  "16 links on 2 pages in [0-9.]+ s: 10 good, 5 broken, 1 skipped" ARGUMENTS --at-once 3 --per-host 1 good.md bad.md)
expect(0 "away.md:1: skipped: https://antiphon.invalid/: leads away, see --online" "away.md:1: good: good.md"
  "2 links on 1 pages in [0-9.]+ s: 1 good, 0 broken, 1 skipped" ARGUMENTS --list --offline away.md)
expect(3 "nowhere.md: not read: 404 Not Found" "11 links on 2 pages[^\n]+" ARGUMENTS nowhere.md good.md)
expect(3 "plain.txt: not read: neither Markdown nor HTML" ARGUMENTS plain.txt)
expect(0 "link_check \\[OPTIONS\\] \\[FILE\\|URL\\]..." ARGUMENTS --help)
expect(2 "link_check: /etc/passwd is not below ., see --root" ARGUMENTS /etc/passwd)
expect(2 "link_check: there is no option --fast, see --help" ARGUMENTS --fast)
expect(2 "link_check: --svg takes an argument" ARGUMENTS --svg)
expect(2 "link_check: http://a b/: [^\n]+" ARGUMENTS "http://a b/")
foreach(number 0 -1 1001 many 4x)
  expect(2 "link_check: --at-once takes a number from 1 to 1000" ARGUMENTS --at-once ${number})
endforeach()
file(READ "${WHERE}/t.svg" svg)
foreach(part "<svg " "</svg>\n$" "good.md: answered" "deep/: ")
  if(NOT svg MATCHES "${part}")
    message(SEND_ERROR "no `${part}` in the timeline\n${svg}")
  endif()
endforeach()

# The default form, in rough weather: every page is found in the end, some at the second or third attempt, some by a second copy.
expect(0 "127.0.0.1:[0-9]+ +[0-9]+ +0 +[1-9][0-9]* +[1-9][0-9]* [^\n]+"
  "[0-9]+ links on [0-9]+ pages in [0-9.]+ s: [1-9][0-9]+ good, 0 broken, [0-9]+ skipped" ARGUMENTS --svg ours.svg)
