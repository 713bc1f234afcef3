# Templates are compiled in the program that uses them, with its flags: without a build type that is -O0, and training takes
# 16 times as long. Said once to whoever finds or adds spankey; nothing is set.
if(NOT CMAKE_BUILD_TYPE AND NOT CMAKE_CONFIGURATION_TYPES AND NOT CMAKE_CXX_FLAGS MATCHES "-O" AND NOT spankey_FIND_QUIETLY)
  message(NOTICE "spankey: no CMAKE_BUILD_TYPE, so nothing is optimised: -DCMAKE_BUILD_TYPE=Release is 16 times as fast")
endif()
