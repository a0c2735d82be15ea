# Completions for tenantry. In ~/.bashrc: eval "$(tenantry completions bash)"
_tenantry() {
    local i index word words=()
    for i in "${!COMP_WORDS[@]}"; do
        word=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then
            index=${#words[@]}
            words+=("$2")
            # Where that is nothing, the cursor is in front of a word that is there already.
            [[ -z $2 ]] || continue
        fi
        # bash makes three words of --tenant=dev.
        [[ -z $word || $word == = ]] || words+=("$word")
    done
    COMPREPLY=()
    while IFS= read -r word; do
        [[ -z $word ]] || COMPREPLY+=("$word")
    done <<<"$(TENANTRY_COMPLETE=bash _CLAP_COMPLETE_INDEX=$index PROGRAM -- "${words[@]}" 2>/dev/null)"
    if [[ ${COMPREPLY-} == */ ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o bashdefault -F _tenantry tenantry
