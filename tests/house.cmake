# Tests of the house itself: scripts, headers alone and twice, misuse that must not compile, documentation, consumers.

# --- scripts ----------------------------------------------------------------------------------------------------------
find_package(Python3 3.8 REQUIRED COMPONENTS Interpreter)
foreach(script include_law house_rules)
  add_test(NAME "house/${script}" COMMAND Python3::Interpreter tools/${script}.py WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
endforeach()
foreach(script include_law house_rules docs_fences coverage)
  add_test(NAME "house/${script} is tested itself" COMMAND Python3::Interpreter tools/${script}_test.py
    WORKING_DIRECTORY "${CMAKE_CURRENT_SOURCE_DIR}")
endforeach()
get_property(antiphon_house_tests DIRECTORY PROPERTY TESTS)
set_tests_properties(${antiphon_house_tests} PROPERTIES LABELS house TIMEOUT 120 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)

# --- every header compiles alone, and links when two files include it -------------------------------------------------
set(antiphon_units "")
set(antiphon_everything "")
foreach(header IN LISTS antiphon_headers)
  cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${PROJECT_SOURCE_DIR}/include")
  string(MAKE_C_IDENTIFIER "${header}" unit)
  file(CONFIGURE OUTPUT "headers/${unit}.cpp" CONTENT "#include <${header}>\n#include <${header}> // twice is once\n")
  list(APPEND antiphon_units "${CMAKE_CURRENT_BINARY_DIR}/headers/${unit}.cpp")
  string(APPEND antiphon_everything "#include <${header}>\n")
endforeach()
file(CONFIGURE OUTPUT headers/main.cpp CONTENT "${antiphon_everything}\nint main() {}\n")
add_executable(antiphon_header_tests ${antiphon_units} "${CMAKE_CURRENT_BINARY_DIR}/headers/main.cpp")
target_link_libraries(antiphon_header_tests PRIVATE antiphon_dev)
add_test(NAME "headers/each compiles alone and all link twice" COMMAND antiphon_header_tests)
set_tests_properties("headers/each compiles alone and all link twice" PROPERTIES LABELS house TIMEOUT 60)

# --- users' own warnings, more than the project's, find nothing --------------------------------------------------------
add_executable(antiphon_strict_use strict_use.cpp)
target_link_libraries(antiphon_strict_use PRIVATE antiphon_dev)
target_compile_options(antiphon_strict_use PRIVATE -Wpedantic -Wsign-conversion -Wold-style-cast -Wnon-virtual-dtor -Woverloaded-virtual
  -Wcast-align -Wcast-qual -Wdouble-promotion -Wformat=2 -Wimplicit-fallthrough -Wextra-semi
  $<IF:$<CXX_COMPILER_ID:GNU>,-Wduplicated-cond;-Wlogical-op,-Wshadow-all>)
add_test(NAME "headers/no warning under stricter flags than the project's" COMMAND antiphon_strict_use)
set_tests_properties("headers/no warning under stricter flags than the project's" PROPERTIES LABELS house TIMEOUT 60)

# --- the same for those that need somebody else's library ---------------------------------------------------------------
function(antiphon_interop_header_test library pattern)
  set(units "")
  foreach(header IN LISTS antiphon_interop_headers)
    cmake_path(RELATIVE_PATH header BASE_DIRECTORY "${PROJECT_SOURCE_DIR}/include")
    if(header MATCHES "${pattern}")
      string(MAKE_C_IDENTIFIER "${header}" unit)
      file(CONFIGURE OUTPUT "headers/${unit}.cpp" CONTENT "#include <${header}>\n#include <${header}> // twice is once\n")
      list(APPEND units "${CMAKE_CURRENT_BINARY_DIR}/headers/${unit}.cpp")
    endif()
  endforeach()
  file(CONFIGURE OUTPUT headers/empty_main.cpp CONTENT "int main() {}\n")
  add_executable(${library}_header_tests ${units} "${CMAKE_CURRENT_BINARY_DIR}/headers/empty_main.cpp")
  target_link_libraries(${library}_header_tests PRIVATE antiphon_dev ${library})
  add_test(NAME "headers/those of ${library} compile alone and link twice" COMMAND ${library}_header_tests)
  set_tests_properties("headers/those of ${library} compile alone and link twice" PROPERTIES LABELS house TIMEOUT 60)
endfunction()
foreach(name IN LISTS antiphon_interops)
  antiphon_interop_header_test(antiphon_${name} "/interop/(detail/)?${name}[^/]*$")
endforeach()

# --- misuse does not compile, and says why ----------------------------------------------------------------------------
set(antiphon_standard "${CMAKE_CXX20_STANDARD_COMPILE_OPTION}")
if(CMAKE_CXX_STANDARD)
  set(antiphon_standard "${CMAKE_CXX${CMAKE_CXX_STANDARD}_STANDARD_COMPILE_OPTION}")
endif()
separate_arguments(antiphon_given_flags UNIX_COMMAND "${CMAKE_CXX_FLAGS}")
set(antiphon_fail_flags ${antiphon_standard} ${antiphon_given_flags} ${ANTIPHON_WARNINGS} "-I${PROJECT_SOURCE_DIR}/include")

function(antiphon_compile_fail_test name source)
  add_test(NAME "${name}" COMMAND "${CMAKE_COMMAND}" "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DFLAGS=${antiphon_fail_flags}"
    "-DSOURCE=${source}" -P "${CMAKE_CURRENT_SOURCE_DIR}/tools/compile_fail.cmake")
  set_tests_properties("${name}" PROPERTIES LABELS compile_fail TIMEOUT 120)
endfunction()

file(GLOB sources CONFIGURE_DEPENDS compile_fail/*.cpp)
foreach(source IN LISTS sources)
  cmake_path(GET source STEM stem)
  antiphon_compile_fail_test("compile_fail/${stem}" "${source}")
endforeach()
foreach(flaw "no_mistake=compiles with ANTIPHON_MUST_FAIL" "other_message=do not match" "broken_twin=twin must compile"
    "two_errors=2 errors instead of one"
    "no_expectation=the first line must be")
  string(REGEX MATCH "^[^=]+" stem "${flaw}")
  string(REGEX REPLACE "^[^=]+=" "" verdict "${flaw}")
  set(name "compile_fail/the mechanism objects to ${stem}")
  antiphon_compile_fail_test("${name}" "${CMAKE_CURRENT_SOURCE_DIR}/compile_fail/mechanism/${stem}.cpp")
  set_tests_properties("${name}" PROPERTIES PASS_REGULAR_EXPRESSION "${verdict}")
endforeach()

# --- what the documentation shows compiles and runs -------------------------------------------------------------------
file(GLOB_RECURSE pages CONFIGURE_DEPENDS RELATIVE "${PROJECT_SOURCE_DIR}" "${PROJECT_SOURCE_DIR}/docs/*.md")
if(EXISTS "${PROJECT_SOURCE_DIR}/README.md")
  list(PREPEND pages README.md)
endif()
list(TRANSFORM pages PREPEND "${PROJECT_SOURCE_DIR}/" OUTPUT_VARIABLE page_files)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${page_files} tools/docs_fences.py)
execute_process(COMMAND "${Python3_EXECUTABLE}" "${CMAKE_CURRENT_SOURCE_DIR}/tools/docs_fences.py" "${PROJECT_BINARY_DIR}/docs" ${pages}
  WORKING_DIRECTORY "${PROJECT_SOURCE_DIR}" COMMAND_ERROR_IS_FATAL ANY)
file(STRINGS "${PROJECT_BINARY_DIR}/docs/fences.txt" rows)
add_library(antiphon_page INTERFACE)
target_link_libraries(antiphon_page INTERFACE antiphon_dev)
target_compile_options(antiphon_page INTERFACE -Wno-unused-variable -Wno-unused-but-set-variable) # named for the reader alone
foreach(row IN LISTS rows)
  list(GET row 0 name)
  list(GET row 1 source)
  list(GET row 2 mode)
  add_executable(docs_${name} "${source}")
  target_link_libraries(docs_${name} PRIVATE antiphon_dev antiphon_page)
  if(mode STREQUAL "run")
    add_test(NAME "docs/${name}" COMMAND docs_${name})
    set_tests_properties("docs/${name}" PROPERTIES LABELS docs TIMEOUT ${antiphon_timeout})
  endif()
endforeach()

# --- others can use it ------------------------------------------------------------------------------------------------
if(ANTIPHON_INSTALL)
  set(ways find_package fetchcontent add_subdirectory)
  if(TARGET antiphon_curl)
    list(APPEND ways curl_installed curl_add_subdirectory)
  endif()
  foreach(way IN LISTS ways)
    add_test(NAME "consumer/${way}" COMMAND "${CMAKE_COMMAND}" -DWAY=${way} "-DSOURCE=${PROJECT_SOURCE_DIR}" "-DBUILD=${PROJECT_BINARY_DIR}"
      "-DCOMPILER=${CMAKE_CXX_COMPILER}" "-DGENERATOR=${CMAKE_GENERATOR}" "-DLAUNCHER=${CMAKE_CXX_COMPILER_LAUNCHER}"
      -P "${CMAKE_CURRENT_SOURCE_DIR}/consumers/run.cmake")
    set_tests_properties("consumer/${way}" PROPERTIES LABELS consumer TIMEOUT 300)
  endforeach()
endif()
