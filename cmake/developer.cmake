# What only developers of antiphon need: warnings, the compiler cache, the libraries of tests and examples.
include(FetchContent)
include(CTest)
set_target_properties(antiphon PROPERTIES VERIFY_INTERFACE_HEADER_SETS ON INTERFACE_HEADER_SETS_TO_VERIFY HEADERS)

if(PROJECT_IS_TOP_LEVEL)
  set(CMAKE_CXX_EXTENSIONS OFF)
  set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
  set(CMAKE_RUNTIME_OUTPUT_DIRECTORY "${PROJECT_BINARY_DIR}/bin")
  find_program(ANTIPHON_CCACHE ccache)
  if(ANTIPHON_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
    set(CMAKE_CXX_COMPILER_LAUNCHER "${ANTIPHON_CCACHE}")
  endif()
endif()

set(ANTIPHON_SANITIZED OFF)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=")
  set(ANTIPHON_SANITIZED ON)
endif()
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread" AND NOT CMAKE_CROSSCOMPILING_EMULATOR)
  # ThreadSanitizer's shadow memory collides with the address randomisation of newer kernels: switch it off where that is allowed.
  find_program(ANTIPHON_SETARCH setarch)
  if(ANTIPHON_SETARCH)
    execute_process(COMMAND "${ANTIPHON_SETARCH}" -R true RESULT_VARIABLE refused OUTPUT_QUIET ERROR_QUIET)
    if(refused EQUAL 0)
      set(CMAKE_CROSSCOMPILING_EMULATOR "${ANTIPHON_SETARCH};-R")
    endif()
  endif()
endif()

if(CMAKE_CXX_FLAGS MATCHES "-shared-libsan")
  # Clang's static runtimes refuse a replaced operator new, with which the tests count allocations; the shared ones have to be found.
  execute_process(COMMAND "${CMAKE_CXX_COMPILER}" -print-resource-dir OUTPUT_VARIABLE resources OUTPUT_STRIP_TRAILING_WHITESPACE)
  file(GLOB CMAKE_BUILD_RPATH LIST_DIRECTORIES ON "${resources}/lib/*")
endif()

set(ANTIPHON_WARNINGS -Wall -Wextra -Wconversion -Wshadow -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND (ANTIPHON_SANITIZED OR NOT CMAKE_BUILD_TYPE STREQUAL "Debug"))
  list(APPEND ANTIPHON_WARNINGS -Wno-error=maybe-uninitialized) # inlining and instrumentation mislead that analysis
endif()
add_library(antiphon_dev INTERFACE)
target_link_libraries(antiphon_dev INTERFACE antiphon::antiphon)
target_compile_options(antiphon_dev INTERFACE ${ANTIPHON_WARNINGS})

# An installed package wins; what is fetched otherwise is pinned by commit.
macro(antiphon_find_fmt)
  FetchContent_Declare(fmt GIT_REPOSITORY https://github.com/fmtlib/fmt.git
    GIT_TAG e69e5f977d458f2650bb346dadf2ad30c5320281 # 10.2.1
    SYSTEM FIND_PACKAGE_ARGS 9 CONFIG)
  FetchContent_MakeAvailable(fmt)
endmacro()

macro(antiphon_find_catch)
  FetchContent_Declare(Catch2 GIT_REPOSITORY https://github.com/catchorg/Catch2.git
    GIT_TAG fa43b77429ba76c462b1898d6cd2f2d7a9416b14 # v3.7.1
    SYSTEM FIND_PACKAGE_ARGS CONFIG) # no version: 2.13 and 3 both serve
  FetchContent_MakeAvailable(Catch2)
  if(Catch2_SOURCE_DIR)
    list(APPEND CMAKE_MODULE_PATH "${Catch2_SOURCE_DIR}/extras")
  else()
    list(APPEND CMAKE_MODULE_PATH "${Catch2_DIR}")
  endif()
  include(Catch)
  # A sentence that CTest and Catch2 read differently must not pass by running nothing.
  if(Catch2_SOURCE_DIR OR Catch2_VERSION VERSION_GREATER_EQUAL 3)
    set(antiphon_catch_library Catch2::Catch2WithMain)
    set(antiphon_catch_arguments --warn UnmatchedTestSpec)
  else()
    set(antiphon_catch_library Catch2::Catch2)
    set(antiphon_catch_arguments --warn NoTests)
  endif()
endmacro()
