"""Phrases by which a reply to a sales mail says what it is. A table: weight, pattern.

Patterns meet lower-case text with plain apostrophes. Weight 3 settles it alone, 2 is strong,
1 is a hint. English first; German, French and Spanish for the commonest turns.
"""

from typing import Literal

Intent = Literal[
    "interested",
    "info_request",
    "referral",
    "not_now",
    "not_interested",
    "unsubscribe",
    "auto_reply",
    "bounce",
    "unclear",
]

# When two intents weigh the same, the earlier one wins: stopping is safer than writing on.
ORDER: tuple[Intent, ...] = (
    "bounce",
    "unsubscribe",
    "auto_reply",
    "not_interested",
    "referral",
    "not_now",
    "info_request",
    "interested",
)

PHRASES: dict[Intent, list[tuple[int, str]]] = {
    "bounce": [
        (3, r"delivery (?:to the following recipients?|status notification|has failed)"),
        (3, r"(?:message|mail) (?:could not|couldn't|cannot|wasn't able to) be delivered"),
        (
            3,
            r"undeliver(?:able|ed) (?:mail|message)|undeliverable:|mail delivery (?:failed|system)",
        ),
        (3, r"address (?:couldn't be found|not found|does not exist|rejected)"),
        (3, r"(?:user|mailbox|recipient) (?:unknown|unavailable|not found|is full)|no such user"),
        (3, r"\b5\.[0-7]\.\d{1,3}\b|\b55[0-4][ -]"),
        (3, r"konnte nicht zugestellt werden|unzustellbar|n'a pas pu être (?:remis|distribué)"),
        (3, r"no se (?:ha podido|pudo) entregar"),
    ],
    "unsubscribe": [
        (4, r"\bunsubscribe\b|\bopt[- ]?(?:me )?out\b"),
        (
            4,
            r"(?:remove|delete|take|drop|get) (?:me|us|my (?:e-?mail|address|name|details))\b"
            r".{0,40}\b(?:list|database|off|records|system|mailings?|crm)\b",
        ),
        (4, r"\b(?:remove|delete) (?:me|us)\b(?: please)?\s*(?:[.!]|$)"),
        (
            4,
            r"(?:stop|quit|cease|no more|don't|do not|never) (?:sending|e-?mailing|contact(?:ing)?"
            r"|writing(?: to)?|e-?mails?|messag(?:e|ing)|spamming|send(?: me)?)\b",
        ),
        (4, r"(?:erase|delete) (?:all )?(?:my|our) (?:personal )?data|right to (?:object|erasure)"),
        (
            4,
            r"\b(?:abmelden|austragen|abbestellen)\b|aus (?:ihrem|eurem|dem) (?:verteiler|newsletter)",
        ),
        (4, r"keine (?:weiteren )?(?:e-?mails?|werbung|nachrichten)(?: mehr)?"),
        (
            4,
            r"désabonn|désinscri|retire[rz]?[- ](?:moi|nous)|ne (?:plus )?(?:m'|me |nous )"
            r"(?:contact|écri)\w* plus|ne plus (?:me|nous) (?:contacter|écrire)",
        ),
        (
            4,
            r"d[ae]rme de baja|darnos de baja|no me (?:envíen?|escriban?|contacten?) más|cancelar"
            r" (?:la|mi) suscripción|elimin\w+ (?:mi|de su)",
        ),
    ],
    "auto_reply": [
        (
            4,
            r"\bout[- ]of[- ](?:the[- ])?office\b|\booo\b|automatic(?:ally generated)? (?:reply|"
            r"response)|auto-?(?:reply|response|matic reply)",
        ),
        (
            4,
            r"(?:i am|i'm|i will be|i'll be|we are) (?:currently |presently )?(?:away|on (?:annual |"
            r"parental |maternity |paternity |sick |medical )?(?:leave|vacation|holiday)|travell?ing"
            r")\b.{0,200}(?:return|back|until|access|urgent|limited|assistance|contact|reply)",
        ),
        (4, r"limited (?:or no )?access to (?:my )?e-?mail"),
        (
            4,
            r"(?:have|has) received your (?:e-?mail|message|request|enquiry|inquiry)\b.{0,200}"
            r"(?:ticket|case|reference|within|as soon as|shortly|business)",
        ),
        (4, r"no longer (?:with|works? (?:at|for|here)|employed|monitored)|has left the company"),
        (
            4,
            r"(?:mailbox|inbox|address) is (?:not|no longer) (?:being )?monitored|do not reply to this",
        ),
        (
            4,
            r"abwesenheits(?:notiz|nachricht)|(?:bin|befinde mich) .{0,60}(?:nicht im (?:büro|haus)"
            r"|im urlaub|abwesend)|automatische (?:antwort|rückmeldung)",
        ),
        (
            4,
            r"absente? du bureau|en (?:congés?|vacances)\b.{0,80}(?:jusqu|retour|du)|réponse"
            r" automatique|absence du bureau",
        ),
        (
            4,
            r"fuera de la oficina|respuesta automática|de vacaciones hasta|ausente (?:de la|hasta)",
        ),
    ],
    "not_interested": [
        (
            3,
            r"\bnot (?:really |at all |particularly )?(?:interested|of interest|relevant|for us|for me"
            r"|a (?:good )?(?:fit|match|priority for us)|something we(?:'re| are)?|what we)\b",
        ),
        (
            3,
            r"\bnot an? (?:area|topic|need|problem) (?:we|for us)|no (?:need|interest|budget|use) "
            r"(?:for|in)\b|(?:isn't|is not|aren't|are not|wouldn't be) a (?:good )?(?:fit|match)",
        ),
        (
            3,
            r"no,? thank(?:s| you)|thanks,? but no|(?:we|i)(?:'ll| will| would|'d)? (?:have to |"
            r"must |like to )?(?:pass|decline)\b|pass on (?:this|it)|hard pass",
        ),
        (
            3,
            r"(?:don't|do not|doesn't|won't|will not) (?:need|require|buy|see (?:a|the|any) (?:fit|"
            r"need|value|use))|not looking (?:for|to)|no longer (?:need|interested|looking)",
        ),
        (3, r"(?:we're|we are|i'm|i am) (?:all set|happy with|good,? thanks|covered|well served)"),
        (
            3,
            r"already (?:have|use|using|work(?:ing)? with|got|signed|chosen|picked|in place)|(?:went|"
            r"gone|going) with (?:another|a (?:different|competitor)|someone else)|in-house",
        ),
        (
            2,
            r"(?:stop|quit) (?:wasting|pitching)|waste of (?:my )?time|\bspam\b|another sales (?:e-?mail"
            r"|pitch)|just what i (?:always )?(?:needed|wanted)|(?:lucky|how thrilling|slow clap)",
        ),
        (2, r"(?:leave (?:me|us) alone|get lost|go away|lose my (?:number|address|e-?mail))"),
        (
            2,
            r"decided (?:not to|against)|not (?:moving|going) (?:forward|ahead)|won't be (?:moving"
            r"|taking|pursuing|going)|best of luck",
        ),
        (3, r"kein(?:en?)? (?:interesse|bedarf)|nicht interessiert|nein,? danke"),
        (3, r"pas intéressée?s?|(?:non merci|aucun intérêt|pas besoin)"),
        (3, r"no (?:estamos|estoy) interesad|no nos interesa|no me interesa|no,? gracias"),
    ],
    "referral": [
        (3, r"(?:not|isn't|wouldn't be) the (?:right|best|correct) (?:person|contact|one)"),
        (
            3,
            r"(?:reach out|speak|talk|write|get in touch|connect|best to (?:speak|talk))(?: directly)? "
            r"(?:to|with) (?:my |our |the )?(?:colleague|head|team|boss|manager|cto|ceo|cfo|coo|vp|"
            r"director|procurement|[a-z]+ (?:who|at|in|from|on|instead|[a-z]+@))",
        ),
        (
            3,
            r"(?:cc'?(?:ing|ed|'d)|copying|looping in|adding|forward(?:ed|ing) (?:this|your|it)|"
            r"passed (?:this|your|it) (?:on|along)|i've cc'd)\b",
        ),
        (
            3,
            r"(?:handles|owns|runs|looks after|is (?:in charge|responsible)|deals with|oversees|takes"
            r" care of)\b.{0,60}(?:this|that|these|it\b|tool|purchas|decision|vendor|topic|\w+@)",
        ),
        (
            3,
            r"(?:right|better|best) (?:person|contact)(?: (?:to|for|is|would)|\b.{0,20}@)|you (?:should|want"
            r"|need|'ll want) to (?:speak|talk|contact|e-?mail|ask)|please contact (?!me|us|our "
            r"support)",
        ),
        (
            3,
            r"(?:zuständig|ansprechpartner|wenden sie sich an|leite\b.{0,40}weiter|kolleg(?:e|in|en))",
        ),
        (
            3,
            r"(?:la bonne (?:personne|interlocut)|contacte[rz] (?:plutôt )?(?:mon|ma|notre)|transmets?"
            r" (?:votre|à)|mon collègue|ma collègue)",
        ),
        (
            3,
            r"(?:mi compañer[oa]|la persona (?:indicada|adecuada|responsable)|(?:contacte|hable) con)",
        ),
    ],
    "not_now": [
        (
            3,
            r"(?:not|isn't|wasn't) (?:(?:really )?a (?:good|great) time|the right (?:time|moment)|right"
            r" now|at (?:the|this) (?:moment|time|stage|point)|this (?:quarter|year|month)|(?:just )?"
            r"yet|now\b)",
        ),
        (3, r"(?:bad|wrong|terrible) tim(?:e|ing)|timing (?:isn't|is not|is off|doesn't)"),
        (
            3,
            r"(?:circle|check|come|get|touch|reach|ping|follow|contact|write|try)(?: me| us)? ?(?:back|in|"
            r"base|out|up|again|me|us)?(?: (?:with )?(?:me|us))?(?: again)? (?:in|next|after|around|"
            r"later|early|towards|once|when) (?:a (?:few|couple)|the|q[1-4]|january|february|march|april|may|"
            r"june|july|august|september|october|november|december|spring|summer|autumn|fall|"
            r"winter|new|next|\d|one|two|three|six|year|month|quarter|week|we|i)",
        ),
        (3, r"(?:revisit|reconsider|look at (?:this|it) again|pick this (?:up|back up))\b"),
        (
            3,
            r"(?:budget|headcount)s? (?:is|are|has been|have been)? ?(?:frozen|locked|spent|on hold|"
            r"closed|gone)|(?:hiring|budget|spending) freeze|no budget (?:left|until|this|right)|(?:on"
            r" hold|paused) (?:until|till|for)",
        ),
        (
            2,
            r"(?:too busy|swamped|buried|slammed|heads[- ]down|underwater|flat out|in the middle of)",
        ),
        (
            2,
            r"maybe (?:later|next|in|another)|(?:next|new) (?:quarter|fiscal|financial|year)|later this"
            r" year|after (?:the )?(?:summer|holidays|christmas|easter|launch|migration|quarter)",
        ),
        (
            3,
            r"(?:momentan|derzeit|aktuell|zurzeit) (?:\w+ ){0,3}(?:nicht|kein|keine|keinen)|(?:erst )?im"
            r" nächsten (?:jahr|quartal)|später (?:wieder|noch)",
        ),
        (
            3,
            r"pas (?:pour le moment|maintenant|le bon moment|actuellement)|(?:trimestre|année) "
            r"prochain|recontacte[rz]|l'année prochaine",
        ),
        (
            3,
            r"(?:por ahora|por el momento|en este momento|de momento) no|ahora no|no es (?:el|un) buen "
            r"momento|más adelante|próximo (?:trimestre|año)",
        ),
    ],
    "info_request": [
        (
            3,
            r"(?:what|how much)(?:'s| is| are| does| do| would| will)?\b.{0,60}(?:pric|cost|charge|fee|"
            r"rate\b|rates\b)|\bpric(?:e|es|ing) (?:list|sheet|model|plan|page|info|tier|look|for|details)|(?:a|the|"
            r"your|some|share|send|see) (?:\w+ )?(?:pricing|quote|price)\b|ballpark|ball-park",
        ),
        (
            3,
            r"(?:send|share|forward|e-?mail|give)(?: me| us| over| across| through)?\b.{0,40}"
            r"(?:more |further )?(?:info\b|information|details|deck|brochure|one[- ]pager|case stud|"
            r"materials?|documentation|docs|white ?paper|overview|references|examples?|specs)",
        ),
        (
            3,
            r"(?:tell|learn|know|hear|read|understand)(?: me| us)?(?: a (?:bit|little))? more\b|more "
            r"(?:info|information|details)\b|further (?:info|details)",
        ),
        (
            3,
            r"(?:do|does|can|could|will|is|are|did) (?:you|it|your|this|the|that)\b.{0,80}(?:support|"
            r"integrat|work with|handle|comply|compliant|certif|gdpr|soc ?2|hipaa|sso|api|on-prem|"
            r"host|export|import|scale|compatible|differ|offer|connect|include)\w*",
        ),
        (
            2,
            r"how (?:does|do|is|would|are|long|many|exactly)\b.{0,100}\?|what (?:exactly|does|do|"
            r"kind|makes|sort)\b.{0,100}\?|who else\b.{0,60}\?|where (?:is|are|do)\b.{0,60}\?",
        ),
        (
            3,
            r"was (?:kostet|kosten)|(?:preis|preise|preisliste|angebot|kosten)\b|mehr (?:infos?|"
            r"informationen|details)|unterlagen",
        ),
        (
            3,
            r"(?:quels? (?:est|sont)|vos|le|les) (?:\w+ ){0,2}(?:prix|tarifs?)|combien|plus "
            r"d'informations|en savoir plus|documentation",
        ),
        (
            3,
            r"(?:cuánto|cuanto) (?:cuesta|vale|sería)|(?:precios?|tarifas?|presupuesto)\b|más "
            r"(?:información|detalles|info)",
        ),
    ],
    "interested": [
        (
            3,
            r"(?:i'm|i am|we're|we are|i'd be|we'd be|i would be|we would be|very|definitely|quite|"
            r"am|is|are|be) (?:\w+ )?(?:interested|keen|intrigued|curious|up for|open to|game)\b",
        ),
        (
            3,
            r"(?:sounds|looks|seems) (?:really |very |pretty |quite )?(?:interesting|great|good|"
            r"promising|useful|relevant|like something|like a plan|fantastic|awesome)",
        ),
        (
            3,
            r"(?:let's|lets|happy to|glad to|love to|like to|want to|can we|could we|shall we|free to|"
            r"willing to) (?:\w+ )?(?:talk|chat|meet|connect|discuss|set up|schedule|book|hop on|jump "
            r"on|do (?:it|this|that)|see (?:a|the) demo|try|explore|give it|hear|arrange|find a time|"
            r"have a (?:call|chat|look)|take a look|do a call)",
        ),
        (
            3,
            r"(?:book|schedule|set up|arrange|send (?:me |over )?(?:an? )?(?:invite|calendar|times|"
            r"link|slots))\b.{0,40}(?:call|meeting|demo|time|chat|invite|slot|link|calendar)?",
        ),
        (
            3,
            r"(?:how about|does|would|are you (?:free|available)|i'm free|i am free|i'm available|we can "
            r"do|works for me|could do|available)\b.{0,50}(?:monday|tuesday|wednesday|thursday|friday|"
            r"tomorrow|next week|this week|morning|afternoon|o'clock|\d ?[ap]m\b|\d:\d\d)",
        ),
        (
            2,
            r"\b(?:yes|sure|absolutely|definitely|count me in|sign me up|perfect timing|good timing)\b",
        ),
        (2, r"(?:this|that|it) (?:is|'s) (?:exactly )?(?:what|something) we|been looking for"),
        (
            3,
            r"\b(?:habe|haben|hätten|hätte|sehr|bin|sind) (?:\w+ )?(?:interesse|interessiert)|klingt "
            r"(?:\w+ )?(?:gut|interessant|spannend)|gerne (?:\w+ ){0,3}(?:telefon|termin|sprechen|call)",
        ),
        (
            3,
            r"(?:je suis|nous sommes|très|ça m'|cela m'|cela nous )\s?(?:\w+ )?intéress|avec plaisir|"
            r"(?:volontiers|prenons rendez-vous|un rendez-vous)|semble intéressant",
        ),
        (
            3,
            r"(?:me|nos) interesa\b|(?:estoy|estamos) (?:muy )?interesad|suena (?:muy )?(?:bien|interesante)|agendar|"
            r"(?:podemos|podríamos) (?:hablar|vernos|reunirnos)",
        ),
    ],
}

SARCASM: tuple[str, ...] = (
    r"(?:oh|wow)[,.!]? (?:great|joy|wonderful|fantastic|goody|lucky me|how)\b.{0,80}(?:another|spam|"
    r"sales|pitch|e-?mail|template|robot|bot)",
    r"just what i (?:always |really )?(?:needed|wanted)|because (?:i|we) (?:clearly|obviously) (?:don't|"
    r"have|need|love)|i(?:'ve| have) been (?:dying|waiting all)|my day is complete|slow clap|"
    r"how (?:thrilling|thoughtful)|lucky me|(?:really |so )?made my day,? (?:not|really)\b",
)

POSITIVE = (
    r"\b(?:thanks?|thank you|great|love|excellent|happy|glad|interesting|perfect|appreciate|"
    r"wonderful|impressive|promising|keen|danke|merci|gracias|gerne|exactly)\b"
)
NEGATIVE = (
    r"\b(?:spam|annoying|annoyed|stop|never|waste|ridiculous|terrible|harass\w*|report(?:ed|ing)?"
    r"|lawyer|legal action|complain\w*|angry|fed up|sick of|rude|unsolicited|illegal|worst)\b"
)
