"""What a Modbus unit says it is: function 43/14, SunSpec common block, texts of its template."""
