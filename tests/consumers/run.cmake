# Builds and runs one consumer from scratch: cmake -DWAY=… -DSOURCE=… -DBUILD=… -DCOMPILER=… -DGENERATOR=… -P run.cmake
set(work "${BUILD}/consumers/${WAY}")
file(REMOVE_RECURSE "${work}")
set(how "-DANTIPHON_SOURCE=${SOURCE}")
if(WAY MATCHES "^(find_package|curl_installed)$")
  execute_process(COMMAND "${CMAKE_COMMAND}" --install "${BUILD}" --prefix "${work}/prefix" OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  set(how "-DCMAKE_PREFIX_PATH=${work}/prefix")
elseif(WAY STREQUAL "fetchcontent")
  set(how "-DFETCHCONTENT_SOURCE_DIR_ANTIPHON=${SOURCE}")
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" -S "${CMAKE_CURRENT_LIST_DIR}/${WAY}" -B "${work}/build" -G "${GENERATOR}" "${how}"
  "-DCMAKE_CXX_COMPILER=${COMPILER}" "-DCMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER}" -DCMAKE_BUILD_TYPE=Debug -Wno-dev COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${CMAKE_COMMAND}" --build "${work}/build" COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND "${work}/build/consumer" COMMAND_ERROR_IS_FATAL ANY)
