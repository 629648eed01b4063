# Completion of coalmine for bash. It asks coalmine itself, which answers from configuration, checkout and journals.

_coalmine() {
    # Bash parts words at = : and @ as well, coalmine only at blanks: what stands together is put together again.
    local IFS=$' \t\n' rest=${COMP_LINE:0:COMP_POINT} last=0 i word behind candidate
    local -a words=("${COMP_WORDS[0]}")
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        behind=${rest#"${rest%%[![:blank:]]*}"}
        if ((i == COMP_CWORD)); then
            word=$behind
        fi
        if ((i == 0)); then
            :
        elif [[ $behind == "$rest" ]]; then
            words[last]+=$word
        else
            last=$((last + 1))
            words[last]=$word
        fi
        rest=${behind#"$word"}
    done
    words[last]=${words[last]#[\"\']}
    # Only what readline takes for the word is replaced.
    local kept=${words[last]%"$2"}
    COMPREPLY=()
    while IFS= read -r candidate || [[ -n $candidate ]]; do
        COMPREPLY+=("${candidate#"$kept"}")
    done < <(COMPLETE=bash _CLAP_IFS=$'\n' _CLAP_COMPLETE_INDEX=$last COMPLETER -- "${words[@]}" 2>/dev/null)
    # Behind a folder, or a flag that takes its value at once, more is to be typed.
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[=/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# The newest version comes first, where bash lets it.
complete -o bashdefault -o nosort -F _coalmine coalmine 2>/dev/null || complete -o bashdefault -F _coalmine coalmine
