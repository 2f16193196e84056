# The component curl of the package.
find_package(CURL 7.87 QUIET)
if(CURL_FOUND)
  include("${CMAKE_CURRENT_LIST_DIR}/antiphon-curl-targets.cmake")
endif()
