# Peers are optional. From the system where they are installed; from a checkout where its path is given: nothing is fetched.
#
#   cmake --preset release -DANTIPHON_PEER_STDEXEC=DIR -DANTIPHON_PEER_BS=DIR …
#
# antiphon_bench_peers carries their headers, libraries and ANTIPHON_BENCH_… macros; peers.txt, for the report, has one line a peer:
# its name and its version, or `-` where it is absent.
find_package(Git QUIET)
add_library(antiphon_bench_peers INTERFACE)
set(antiphon_peers "")

macro(antiphon_peer NAME MACRO VERSION)
  target_compile_definitions(antiphon_bench_peers INTERFACE "ANTIPHON_BENCH_${MACRO}=1")
  string(APPEND antiphon_peers "${NAME}\t${VERSION}\n")
endmacro()
macro(antiphon_absent_peer NAME)
  string(APPEND antiphon_peers "${NAME}\t-\n")
endmacro()

# --- installed -----------------------------------------------------------------------------------------------------------
find_package(TBB QUIET CONFIG)
if(TBB_FOUND)
  target_link_libraries(antiphon_bench_peers INTERFACE TBB::tbb)
  antiphon_peer(oneTBB TBB "${TBB_VERSION}")
else()
  antiphon_absent_peer(oneTBB)
endif()

find_path(ANTIPHON_ASIO_DIR asio/thread_pool.hpp)
if(ANTIPHON_ASIO_DIR)
  target_include_directories(antiphon_bench_peers SYSTEM INTERFACE "${ANTIPHON_ASIO_DIR}")
  target_compile_definitions(antiphon_bench_peers INTERFACE ASIO_STANDALONE=1)
  file(STRINGS "${ANTIPHON_ASIO_DIR}/asio/version.hpp" antiphon_asio_version REGEX "define ASIO_VERSION [0-9]+")
  string(REGEX MATCH "[0-9]+" antiphon_asio_version "${antiphon_asio_version}")
  math(EXPR antiphon_asio_major "${antiphon_asio_version} / 100000")
  math(EXPR antiphon_asio_minor "${antiphon_asio_version} / 100 % 1000")
  math(EXPR antiphon_asio_patch "${antiphon_asio_version} % 100")
  antiphon_peer(asio ASIO "${antiphon_asio_major}.${antiphon_asio_minor}.${antiphon_asio_patch}")
else()
  antiphon_absent_peer(asio)
endif()

find_path(ANTIPHON_MOODYCAMEL_DIR concurrentqueue/blockingconcurrentqueue.h)
if(ANTIPHON_MOODYCAMEL_DIR)
  target_include_directories(antiphon_bench_peers SYSTEM INTERFACE "${ANTIPHON_MOODYCAMEL_DIR}")
  antiphon_peer("moodycamel's queue" MOODYCAMEL "")
else()
  antiphon_absent_peer("moodycamel's queue")
endif()

# Boost.Asio is asio once more, and the two do not meet in one source file.
find_package(Boost QUIET COMPONENTS thread)
if(TARGET Boost::thread)
  target_link_libraries(antiphon_bench_peers INTERFACE Boost::thread)
  target_compile_definitions(antiphon_bench_peers INTERFACE BOOST_THREAD_VERSION=4 BOOST_THREAD_PROVIDES_EXECUTORS=1)
  antiphon_peer(Boost.Thread BOOST_THREAD "${Boost_VERSION}")
else()
  antiphon_absent_peer(Boost.Thread)
endif()

# The C++ REST SDK's; not by its package file, which wants OpenSSL and zlib for what is not used here.
find_path(ANTIPHON_PPLX_DIR pplx/pplxtasks.h)
find_library(ANTIPHON_PPLX_LIBRARY cpprest)
if(ANTIPHON_PPLX_DIR AND ANTIPHON_PPLX_LIBRARY)
  target_include_directories(antiphon_bench_peers SYSTEM INTERFACE "${ANTIPHON_PPLX_DIR}")
  target_link_libraries(antiphon_bench_peers INTERFACE "${ANTIPHON_PPLX_LIBRARY}")
  antiphon_peer(pplx PPLX "")
else()
  antiphon_absent_peer(pplx)
endif()

# --- from a checkout -----------------------------------------------------------------------------------------------------
# The commit that a checkout stands at; empty where that cannot be told.
function(antiphon_commit DIR OUT)
  set(${OUT} "" PARENT_SCOPE)
  if(GIT_FOUND)
    execute_process(COMMAND "${GIT_EXECUTABLE}" -C "${DIR}" log -1 "--format=%h of %cs" OUTPUT_VARIABLE commit ERROR_QUIET
                    OUTPUT_STRIP_TRAILING_WHITESPACE)
    set(${OUT} "${commit}" PARENT_SCOPE)
  endif()
endfunction()
# Sets `found` where the path was given, and says so.
macro(antiphon_local_peer NAME MACRO HEADER_DIR)
  set(ANTIPHON_PEER_${MACRO} "" CACHE PATH "A checkout of ${NAME}, for the benchmarks")
  set(found NO)
  if(ANTIPHON_PEER_${MACRO})
    set(found YES)
    if(NOT EXISTS "${ANTIPHON_PEER_${MACRO}}/${HEADER_DIR}")
      message(FATAL_ERROR "antiphon: there is no ${HEADER_DIR} in ANTIPHON_PEER_${MACRO} (${ANTIPHON_PEER_${MACRO}})")
    endif()
    target_include_directories(antiphon_bench_peers SYSTEM INTERFACE "${ANTIPHON_PEER_${MACRO}}/${HEADER_DIR}")
    target_compile_options(antiphon_bench_peers INTERFACE -Wno-error)  # what an optimiser says of a peer's code is not for us to mend
    antiphon_commit("${ANTIPHON_PEER_${MACRO}}" commit)
    antiphon_peer("${NAME}" "${MACRO}" "${commit}")
  else()
    antiphon_absent_peer("${NAME}")
  endif()
endmacro()

antiphon_local_peer(stdexec STDEXEC include)
antiphon_local_peer(BS::thread_pool BS include)
antiphon_local_peer(Taskflow TASKFLOW .)
antiphon_local_peer(async_simple ASYNC_SIMPLE .)

antiphon_local_peer(libfork LIBFORK include)

antiphon_local_peer(concurrencpp CONCURRENCPP include)
if(found)
  file(GLOB_RECURSE sources "${ANTIPHON_PEER_CONCURRENCPP}/source/*.cpp")
  add_library(antiphon_peer_concurrencpp STATIC ${sources})
  target_include_directories(antiphon_peer_concurrencpp PUBLIC "${ANTIPHON_PEER_CONCURRENCPP}/include")
  target_compile_features(antiphon_peer_concurrencpp PUBLIC cxx_std_20)
  target_link_libraries(antiphon_peer_concurrencpp PUBLIC Threads::Threads)
  target_link_libraries(antiphon_bench_peers INTERFACE antiphon_peer_concurrencpp)
endif()

antiphon_local_peer(YACLib YACLIB include)
if(found)
  add_subdirectory("${ANTIPHON_PEER_YACLIB}" yaclib EXCLUDE_FROM_ALL SYSTEM)
  target_link_libraries(antiphon_bench_peers INTERFACE yaclib)
endif()

antiphon_local_peer(TooManyCooks TMC include)
if(found)
  add_library(antiphon_peer_tmc STATIC support/tmc.cpp)
  target_include_directories(antiphon_peer_tmc SYSTEM PUBLIC "${ANTIPHON_PEER_TMC}/include")
  target_compile_features(antiphon_peer_tmc PUBLIC cxx_std_20)
  target_link_libraries(antiphon_peer_tmc PUBLIC Threads::Threads)
  target_link_libraries(antiphon_bench_peers INTERFACE antiphon_peer_tmc)
endif()

file(CONFIGURE OUTPUT peers.txt CONTENT "@antiphon_peers@" @ONLY)
