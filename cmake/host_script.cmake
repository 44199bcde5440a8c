# gachette_host_script(ROOM_FOLDER OUT): src/<room>/host/*.pl in name order becomes one constant,
# `extern const std::string_view gachette::<room>::host_program_part;` (declared in the room's host_program.h).
function(gachette_host_script folder out)
  get_filename_component(room ${folder} NAME)
  file(GLOB parts CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${folder}/host/*.pl)
  list(SORT parts)
  set(generated ${CMAKE_BINARY_DIR}/host_program_${room}.cpp)
  add_custom_command(OUTPUT ${generated}
    COMMAND ${CMAKE_COMMAND} -DROOM=${room} -DOUT=${generated} "-DPARTS=${parts}"
            -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${parts} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake VERBATIM)
  set(${out} ${generated} PARENT_SCOPE)
endfunction()
