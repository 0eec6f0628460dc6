# strip.awk - C text without comments and without the contents of string and character literals.
# Line numbers stay as they are, so that what is found in the result can be shown as file:line.
function flush_line() { print out; out = "" }
FNR == 1 { in_comment = 0 }
{
    rest = $0
    while (length(rest) > 0) {
        if (in_comment) {
            if ((i = index(rest, "*/")) == 0) { rest = ""; break }
            rest = substr(rest, i + 2); in_comment = 0
            continue
        }
        if (!match(rest, /\/\*|\/\/|"|'/)) { out = out rest; break }
        mark = substr(rest, RSTART, RLENGTH)
        out = out substr(rest, 1, RSTART - 1)
        rest = substr(rest, RSTART + RLENGTH)
        if (mark == "//") break
        if (mark == "/*") { in_comment = 1; out = out " "; continue }
        # A literal: up to the next mark of the same kind that no backslash precedes.
        while (match(rest, mark == "\"" ? "[\"\\\\]" : "['\\\\]")) {
            if (substr(rest, RSTART, 1) == "\\") { rest = substr(rest, RSTART + 2); continue }
            break
        }
        rest = RSTART > 0 ? substr(rest, RSTART + 1) : ""
        out = out mark mark
    }
    flush_line()
}
