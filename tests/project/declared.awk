# declared.awk - names of the functions that the public headers export, from text without comments
# (strip.awk). Also complains of declarations that forgot TG_API; these lines start with "!".
function statement(text,   name) {
    gsub(/[ \t]+/, " ", text)
    sub(/^ /, "", text)
    if (text ~ /^(typedef|struct|union|enum|static|#)/) return
    if (!match(text, /tg_[a-z0-9_]+ ?\(/)) return
    name = substr(text, RSTART, RLENGTH)
    sub(/ ?\($/, "", name)
    if (text ~ /^TG_API /) print name
    else print "!" FILENAME ": " name " is declared without TG_API"
}
FNR == 1 { pending = ""; depth = 0 }
/^[ \t]*#/ { skipping = ($0 ~ /\\$/); next }
skipping { skipping = ($0 ~ /\\$/); next }
/^[ \t]*extern ""/ { next } # extern "C" { (the literal's contents are stripped)
{
    # Bodies of structs and inline functions hold no declarations: only text at depth 0 counts.
    line = $0
    while (length(line) > 0) {
        c = substr(line, 1, 1)
        line = substr(line, 2)
        if (c == "{") depth++
        else if (c == "}") {
            if (depth > 0 && --depth == 0 && pending ~ /^[ \t]*static/) pending = ""
        }
        else if (depth == 0 && c == ";") { statement(pending); pending = "" }
        else if (depth == 0) pending = pending c
    }
    if (depth == 0) pending = pending " "
}
