"""What a question asks for, by its wording in small letters: a reason, a wording, yes or no.

"No data" answers what a display shows, and "not allowed" whether something is allowed: elsewhere both may decline.
"""

import re

WHY = re.compile(
    r"\b(?:why|warum|wieso|weshalb|pourquoi|por qué|por que|porquê|perché|perche|waarom|dlaczego|почему|зачем|neden|"
    r"niçin|niye|لماذا)\b|为什么|為什麼|为何|なぜ|どうして|왜"
)
WORDING = re.compile(
    r"\b(?:display|show|message|sign|label|called|title|entitled|song|film|book|album|return|default|stand for|"
    r"error|status|code|value of|print|button|reply|say|anzeige|zeigt|meldung|meldet|titel|lied|heißt|heisst|steht|"
    r"fehler|bedeutet|taste|affich|écran|titre|chanson|erreur|signifie|renvoie|bouton|muestra|pantalla|título|"
    r"canción|mensaje|significa|devuelve|botón|mostra|titolo|canzone|messaggio|errore|pulsante|compare|tela|"
    r"visor|canção|filme|mensagem|erro|toont|scherm|lied|melding|betekent|pokazuje|wyświetla|tytuł|oznacza|показывает|"
    r"называется|означает|göster|görün|başlı|demek|يظهر|عنوان|يعني)\w*|显示|題名|标题|歌|什么意思|返回|代表|表示|题|タイトル|曲|"
    r"意味|표시|제목|무슨 뜻"
)
"""Questions of what something is called, shows or returns, which words of refusals may answer."""
YES_NO = re.compile(
    r"^(?:is|are|was|were|do|does|did|can|could|may|must|should|will|would|has|have|had|ist|sind|war|waren|hat|haben|"
    r"kann|können|darf|muss|müssen|gibt es|wird|werden|enthält|est-ce que|est|sont|a-t|peut-on|faut-il|y a-t|"
    r"le \w+ \w+-t-il|es|está|están|hay|puede|se puede|contiene|è|sono|si può|c'è|ci sono|posso|é|são|há|pode|existe|"
    r"dá para|contém|existem|czy|هل|is het|zijn|mag|heeft|staat|kunnen)\b|\bли\b|\bm[ıiuü]\w*\?$|"
    r"^¿(?!(?:\w+ ){0,2}(?:qué|quién\w*|cómo|cuándo|dónde|cuánt\w*|cuál\w*)\b)|"
    r"^(?!.*\b(?:qu\w*|comment|où|combien|pourquoi)\b).*-(?:t-)?(?:ils?|elles?|on)\b|"
    r"^(?:[oa]s? (?!que\b)|(?:il|lo|la|i|gli|le|si|nel\w*) )|^(?!w)\w+(?:t|en) (?:der|die|das|man|es|ein\w*)\b|"
    r"吗[?？]?$|嗎[?？]?$|(?<!何)(?<!誰)(?<!つ)ますか[。?？]?$|いいですか"
)
